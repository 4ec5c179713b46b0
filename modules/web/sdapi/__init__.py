"""A1111's dialect: /sdapi/v1 with its fields, defaults and answers (interface section 16)."""
