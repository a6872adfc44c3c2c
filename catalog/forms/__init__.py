"""Forms that administrators fill in, and the forms of template parameters."""
