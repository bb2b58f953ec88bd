"""The networks that condition couplings: Keras layers with a last layer of zeros."""
