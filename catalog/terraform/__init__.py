"""The reader of Terraform templates: their variables, values and outputs."""
