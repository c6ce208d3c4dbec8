"""What a bundle is measured on, and the model card written from it."""
