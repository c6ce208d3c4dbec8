"""Files in, pixels out: folders, archives, manifests, decoding within limits."""
