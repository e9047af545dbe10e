"""Item models: procedural generators of questions, one file per model.

`contract.py` says what a model is and builds questions from it; `registry.py` finds the models; each family (one per
built-in question type) is a package with one module per model that ends in `MODEL = TheModel()`. To add a model, add
such a module: the registry finds it, and the shared contract test runs on it.
"""
