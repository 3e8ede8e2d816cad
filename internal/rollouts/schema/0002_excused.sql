-- 1: a person had the rollout go on all the same. A host on which the version does
-- not work is found again at every look, so that a row is not enough to forget it.
ALTER TABLE rollouts_failure ADD excused BIGINT NOT NULL DEFAULT 0;
