"""The ops of mmcv that MMPose and MMDetection call at inference, in plain torch."""
