"""What load tools read in the profiles that bucketwise writes for them."""
