"""What is SGLang's alone."""
