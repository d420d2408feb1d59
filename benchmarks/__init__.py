"""How fast LoRA Manager is, as ratios against floors measured in the same run: ``python -m benchmarks``."""
