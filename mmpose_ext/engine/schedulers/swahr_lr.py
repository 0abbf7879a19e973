"""The learning rates that SWAHR is trained with."""

from typing import Any

from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import INF, OptimizerType, _ParamScheduler
from mmpose.registry import PARAM_SCHEDULERS


def swahr_lr_factor(step: int, warmup: int, end: int, start_factor: float = 0.1) -> float:
    """Learning rate by step, as a part of the full one, in the authors' formula.

    Args:
        step (int): Step k, from 0.
        warmup (int): Steps W over which the rate rises from ``start_factor`` to 1.
        end (int): Steps T of the whole training, at which the rate would be 0.
        start_factor (float): Factor at step 0. Defaults to 0.1.

    Returns:
        float: ``start_factor + (1 - start_factor) k / W`` for k < W, then
        ``(T - k) / (T - W)``, and 0 from T on.
    """
    if step < warmup:
        return start_factor + (1 - start_factor) * step / warmup
    return max(0.0, (end - step) / (end - warmup))


@PARAM_SCHEDULERS.register_module()
class SWAHRLR(LRSchedulerMixin, _ParamScheduler):
    """Linear warm-up, then a linear way down to 0, as SWAHR's authors train.

    Their loop sets the rate of step k after step k, from :func:`swahr_lr_factor`: each step
    runs at the rate that was meant for the one before, and the very first at the full rate, for
    nothing has been set yet. That is kept by default.

    It sets the rates outright and so cannot be combined with other schedules of them.

    Args:
        optimizer (Optimizer or OptimWrapper): Its ``lr`` is the full rate.
        warmup (int): Epochs, or iterations with ``by_epoch=False``, of the warm-up.
        end (int): Length of the training, likewise. MMEngine gives that of the training loop.
        start_factor (float): Part of the full rate that the warm-up starts at. Defaults to 0.1.
        first_step_full (bool): Whether the first step runs at the full rate, as the authors';
            with False it runs at ``start_factor`` of it. Defaults to True.
        last_step (int): Step to resume after, without a state dict. Defaults to -1, none.
        by_epoch (bool): Whether to count epochs. With ``convert_to_iter_based=True`` in the
            config, epochs are converted to iterations, as published. Defaults to True.
        verbose (bool): Whether to print the rates. Defaults to False.

    Raises:
        ValueError: If ``warmup`` is negative or not shorter than ``end``, if ``end`` is not
            known, or ``start_factor`` is not above 0 and at most 1.
    """

    def __init__(
        self,
        optimizer: OptimizerType,
        warmup: int,
        end: int = INF,
        start_factor: float = 0.1,
        first_step_full: bool = True,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        if end >= INF:
            raise ValueError('end is not known: give the length of the training')
        if not 0 <= warmup < end:
            raise ValueError(f'warmup must be from 0 to less than end={end}, got {warmup}')
        if not 0 < start_factor <= 1:
            raise ValueError(f'start_factor must be above 0 and at most 1, got {start_factor}')
        self.warmup = warmup
        self.total = end
        self.start_factor = start_factor
        self.first_step_full = first_step_full
        super().__init__(
            optimizer,
            # MMEngine stops one call before the rate that is set after the last step.
            end=end + 1,
            last_step=last_step,
            by_epoch=by_epoch,
            verbose=verbose,
        )

    @classmethod
    def build_iter_from_epoch(
        cls,
        optimizer: OptimizerType,
        warmup: int,
        end: int = INF,
        by_epoch: bool = True,
        epoch_length: int | None = None,
        **kwargs: Any,
    ) -> 'SWAHRLR':
        """Build a schedule by iterations from one in epochs; MMEngine calls this.

        Args:
            optimizer (Optimizer or OptimWrapper): Its ``lr`` is the full rate.
            warmup (int): Epochs.
            end (int): Epochs.
            by_epoch (bool): Must be True.
            epoch_length (int): Iterations of an epoch.
            **kwargs (Any): Passed on.

        Returns:
            SWAHRLR: The schedule.

        Raises:
            ValueError: If the config does not count epochs, or their length is not known.
        """
        if not by_epoch:
            raise ValueError('convert_to_iter_based is for by_epoch=True, got by_epoch=False')
        if not epoch_length:
            raise ValueError(f'epoch_length must be positive, got {epoch_length}')
        end = end if end >= INF else end * epoch_length
        return cls(optimizer, warmup * epoch_length, end, by_epoch=False, **kwargs)

    def _get_value(self) -> list[float]:
        """Give each parameter group's rate for the iteration after ``last_step`` others."""
        if self.last_step == 0:
            factor = 1.0 if self.first_step_full else self.start_factor
        else:
            step = self.last_step - 1
            factor = swahr_lr_factor(step, self.warmup, self.total, self.start_factor)
        return [base * factor for base in self.base_values]
