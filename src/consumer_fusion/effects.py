"""What actions did: declared actions, metrics as daily series, and the effects measured on them."""
