//! What does a clinician see? The pages at the point of care: my patients, what I may do for one of them and what would help where I may not.
