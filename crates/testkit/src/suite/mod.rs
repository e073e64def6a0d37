//! What every adapter must be able to do, over real sockets.
