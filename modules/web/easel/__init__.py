"""/easel/v1: Easel's own API. Jobs with ids, pictures by address, typed and described."""
