"""The arithmetic of scoring, compiled ahead of the first request and cached on disk. Imported only by `warm_up` and
when a model is built: numba takes a third of a second that a start-up without models need not spend."""
