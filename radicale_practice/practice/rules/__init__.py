"""What a device may not do: refusals, the burst brake, double booking."""
