"""What users would write instead, in the best idiom of each library: a module for each, loaded in its worker alone."""
