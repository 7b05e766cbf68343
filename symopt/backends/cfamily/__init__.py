"""What C and CUDA have in common: spellings of types, numbers, dimensions and operations, and the places of elements."""
