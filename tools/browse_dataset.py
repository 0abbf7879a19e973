"""Draw what a training is given: MMPose's own tool and options, with mmpose_ext loaded first."""

from mmpose_ext.apis import run_stock_tool

if __name__ == '__main__':
    run_stock_tool('misc/browse_dataset')
