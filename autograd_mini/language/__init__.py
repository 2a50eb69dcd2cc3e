"""The language of the rules: texts, and what is made of them."""
