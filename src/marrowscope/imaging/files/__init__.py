"""Image files: folders, archives and manifests, and decoding within limits."""
