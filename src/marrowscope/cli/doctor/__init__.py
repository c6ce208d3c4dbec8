"""What ``marrowscope doctor`` looks at: the package, the machine, and the service's installation."""
