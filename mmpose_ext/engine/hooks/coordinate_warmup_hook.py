"""Training heatmaps and HEMlets first, coordinates later."""

from mmengine.hooks import Hook
from mmengine.hooks.hook import DATA_BATCH
from mmengine.runner import IterBasedTrainLoop, Runner
from mmpose.registry import HOOKS

from mmpose_ext.engine.bare_model import bare_model
from mmpose_ext.models.losses.hemlets_loss import HEMletsLoss


@HOOKS.register_module()
class CoordinateWarmupHook(Hook):
    """Switch the coordinate loss of a ``HEMletsHead`` off at the beginning.

    The abstract of the paper, "first trained to predict HEMlets", can be read that way; by default
    all is trained at once. The loss stays in the graph with a weight of 0, so that distributed
    training finds a gradient for every parameter.

    Args:
        epochs (int): For how many epochs. Defaults to 0.
        iters (int): For how many iterations. Defaults to 0.

    Raises:
        ValueError: If a number is negative; on training, if ``epochs`` is given to a loop that
            counts iterations.
        TypeError: On training a model whose head has no coordinate loss.
    """

    def __init__(self, epochs: int = 0, iters: int = 0) -> None:
        for name, number in (('epochs', epochs), ('iters', iters)):
            if number < 0:
                raise ValueError(f'{name} must not be negative, got {number}')
        self.epochs = epochs
        self.iters = iters
        self._weight = 1.0

    def before_train(self, runner: Runner) -> None:
        """Remember the weight of the loss.

        Args:
            runner (Runner): The runner.
        """
        if self.epochs and isinstance(runner.train_loop, IterBasedTrainLoop):
            raise ValueError(
                f'CoordinateWarmupHook has epochs={self.epochs}, but the training counts '
                'iterations: give iters.'
            )
        self._weight = self._loss_module(runner).coordinate_weight

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: DATA_BATCH = None
    ) -> None:
        """Set the weight for the iteration, after a resume too.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Not used.
            data_batch (dict): Not used.
        """
        warming_up = runner.epoch < self.epochs or runner.iter < self.iters
        self._loss_module(runner).coordinate_weight = 0.0 if warming_up else self._weight

    def _loss_module(self, runner: Runner) -> HEMletsLoss:
        model = bare_model(runner)
        loss_module = getattr(getattr(model, 'head', None), 'loss_module', None)
        if not isinstance(loss_module, HEMletsLoss):
            raise TypeError(
                f'CoordinateWarmupHook is for HEMletsLoss, but the loss is '
                f'{type(loss_module).__name__}. Remove the hook from custom_hooks.'
            )
        return loss_module
