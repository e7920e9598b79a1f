"""Early stopping that gives back the weights of the best evaluation, not those of the last step."""

import math


class BestSoFar:
    """Measures a model as `train`'s evaluate wants it, and remembers the weights that measured lowest.

    `best = BestSoFar(measure)`, `train(..., evaluate=best)`, `best.restore(model)`. Of equal values the first
    is kept, so that a model is not trained longer than it helped; a value that is no number is never best.

    Args:
        measure: measure(model) -> float, lower is better.
    """

    def __init__(self, measure):
        self.measure, self.value, self.weights = measure, math.inf, None

    def __call__(self, model) -> float:
        value = float(self.measure(model))
        if value < self.value:
            self.value = value
            self.weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        return value

    def restore(self, model) -> None:
        """Put the best weights back into the model.

        Raises:
            ValueError: nothing was measured yet, or nothing but NaN.
        """
        if self.weights is None:
            raise ValueError("there are no best weights: no evaluation gave a finite number")
        model.load_state_dict(self.weights)
