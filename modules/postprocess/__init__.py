"""What is done to finished pictures: making them larger."""
