// Package sign makes and checks signatures, and knows whom to believe.
package sign
