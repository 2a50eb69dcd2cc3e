"""What writes the generated code, and chooses the compiled engine where it was built."""
