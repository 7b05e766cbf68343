"""What C and CUDA have in common: how types, numbers and operations are spelled, and where elements lie."""
