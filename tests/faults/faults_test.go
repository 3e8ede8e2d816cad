// Package faults_test runs the built program on real kernels and file systems
// while they fail it: killed before any call that changes a file, refused by
// any of them, on full disks, and cut from power on ext4, XFS and btrfs.
//
// A seccomp filter stops the program, all its threads and its actions, at each
// call that changes a file below the root, and the test decides what becomes of
// the call ([host.watch]): it is made, it fails, it is said to be done and is
// not, or everything is killed there. So the n-th call is the n-th of all
// threads, and nothing of the program has to cooperate.
//
// A change must then be all old or all new, with nothing left over, and the
// same command again must complete it ([host.recovered]).
//
// The everyday run takes some 1 to 4 % of the calls, spread over all; MUSTER_TEST_LONG=1 takes all.
// Tests are named after their rows in the table of cases.
package faults_test
