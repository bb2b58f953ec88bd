"""What looks at a model while it trains and afterwards: layers, pictures, TensorBoard."""
