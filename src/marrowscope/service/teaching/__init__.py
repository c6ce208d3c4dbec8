"""Teaching the networks the reviewed cells of signed cases."""
