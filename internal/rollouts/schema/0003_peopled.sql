-- When the first host was found that is to have a package which is new to all, in a
-- ring that is open: an open ring is watched from then on. 0 is not yet.
ALTER TABLE rollouts_rollout ADD peopled BIGINT NOT NULL DEFAULT 0;
