"""The browser page: Gradio components, our own scripts and styles. Routes it knows by name only."""
