"""The trained prediction that may stand beside the score of the rules: training, judging, the commands for it.

The score itself is SQL in `models/intermediate/scoring`, and so is the prediction once its weights lie in `seeds/scoring/score_model.csv`.
"""
