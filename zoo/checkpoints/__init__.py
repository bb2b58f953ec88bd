"""States of a training on disk, from which it goes on exactly: weights, slots, averages, step."""
