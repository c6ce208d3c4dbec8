"""The service: use cases, REST, jobs, store, accounts and audit behind ``marrowscope serve``."""
