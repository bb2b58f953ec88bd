"""The families of flows, a module each: config to flow."""
