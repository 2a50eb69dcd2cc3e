"""What needs other packages: estimators of scikit-learn, MPI, and files of safetensors."""
