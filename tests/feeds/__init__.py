"""Tests of the definitions in `feeds/`: a folder for each case, and the vendor documents by number."""
