"""Loading trained models whole or not at all."""

from pathlib import Path

from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmpose.apis import init_model
from mmpose.registry import MODELS

from mmpose_ext.apis.checkpoint_conversion import build_meta_model, load_state_dict
from mmpose_ext.engine.checkpoint_fit import as_model_reads, check_fit


def load_model(config: str | Path, checkpoint: str | Path, device: str = 'cpu') -> BaseModel:
    """Load a model and its weights.

    With :func:`mmpose.apis.init_model`, but for models without a backbone, such as
    ``EventFlowEstimator``, which that cannot build.

    Args:
        config (str | Path): Config.
        checkpoint (str | Path): Checkpoint file.
        device (str): Where the model runs. Defaults to ``'cpu'``.

    Returns:
        BaseModel: The model in evaluation mode, with its config as ``cfg``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the checkpoint cannot be read or is not one of the config's model.
    """
    require_fit(config, checkpoint)
    cfg = Config.fromfile(config)
    if 'backbone' in cfg.model:
        return init_model(str(config), str(checkpoint), device=device)
    init_default_scope('mmpose')
    model: BaseModel = MODELS.build(cfg.model)
    loaded = load_checkpoint(model, str(checkpoint), map_location='cpu', strict=True)
    model.dataset_meta = loaded.get('meta', {}).get('dataset_meta')
    model.cfg = cfg
    return model.to(device).eval()


def require_fit(config: str | Path, checkpoint: str | Path) -> None:
    """Refuse a checkpoint that is not one of a config's model.

    :func:`mmpose.apis.init_model` would warn and go on with random weights.

    Args:
        config (str | Path): Config.
        checkpoint (str | Path): Checkpoint file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, or a weight is missing, unexpected or of another shape.
    """
    model = build_meta_model(Config.fromfile(config).model)
    weights = as_model_reads(load_state_dict(checkpoint), model)
    cure = f'{config} is another network: take the config that it was trained with.'
    check_fit(weights, model, cure, source=str(checkpoint))
