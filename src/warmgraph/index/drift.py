"""Whether what is written has moved away from what the cells were made for."""

from __future__ import annotations

from warmgraph.errors import InvalidArgumentError

__all__ = ["DriftDetector"]


class DriftDetector:
    """Page and Hinkley's test for a rising mean (Biometrika 41, 1954), made to work at any scale.

    Fed with quantization errors it tells that new vectors lie farther from their cells than the first ones did.
    Each value counts in standard deviations of the values seen so far, so that one setting fits every data set.

    Args:
        threshold: Sum of excess, in standard deviations, at which drift is reported. 50 lets pass a million values
            that do not drift, and reports a shift of one deviation after about 100.
        tolerance: Rise of the mean, in standard deviations, that is none.
        warmup: Values to learn from before anything is reported.

    Attributes:
        drift_detected: Whether the last value, or an earlier one since `reset`, gave the alarm.

    Example:
        >>> detector = DriftDetector(warmup=50)
        >>> for step in range(100):
        ...     detector.update(0.3 + 0.01 * (step % 5))
        >>> detector.drift_detected
        False
        >>> for step in range(100):
        ...     detector.update(0.4 + 0.01 * (step % 5))
        >>> detector.drift_detected
        True
    """

    def __init__(self, threshold: float = 50.0, tolerance: float = 0.5, warmup: int = 200) -> None:
        if threshold <= 0:
            raise InvalidArgumentError("threshold", expected="a number > 0", got=threshold)
        if warmup < 2:
            raise InvalidArgumentError("warmup", expected="an int >= 2", got=warmup)
        self.threshold: float = threshold
        self.tolerance: float = tolerance
        self.warmup: int = warmup
        self.drift_detected: bool = False
        self.reset()

    def reset(self) -> None:
        """Forget all values, and start to learn anew."""
        self.drift_detected = False
        self._count = 0
        self._mean = self._squares = self._excess = 0.0

    def update(self, x: float) -> None:
        """Take in one value."""
        if self._count < self.warmup:  # Welford's running mean and variance
            self._count += 1
            difference = x - self._mean
            self._mean += difference / self._count
            self._squares += difference * (x - self._mean)
            return
        deviation = max((self._squares / (self._count - 1)) ** 0.5, 1e-9)
        self._excess = max(0.0, self._excess + (x - self._mean) / deviation - self.tolerance)
        if self._excess > self.threshold:
            self.drift_detected = True
