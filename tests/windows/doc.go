// Package windows tests the program that is built for Windows, in Wine: the agent with its
// pipe, and self-service through it. Tests that need nothing but this run on Windows too.
//
// What Wine has not, these tests do not see: every program in it is the same person, and an
// administrator. docs/agent.md lists what that leaves open.
package windows
