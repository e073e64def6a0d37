//! What stands for the codec where the feature `deflate` is off: types without values.

/// Never made: nothing is compressed.
#[derive(Debug)]
pub(crate) enum Deflater {}

impl Deflater {
    pub(crate) const fn is_worth(&self, _size: usize) -> bool {
        match *self {}
    }

    pub(crate) const fn compress(&mut self, _piece: &[u8], _is_final: bool) -> Vec<u8> {
        match *self {}
    }
}

/// Never made: nothing is inflated.
#[derive(Debug)]
pub(crate) enum Inflater {}

/// Never happens.
#[derive(Debug)]
pub(crate) enum Corrupt {}

impl Inflater {
    pub(crate) const fn inflate(
        &mut self,
        _: &[u8],
        _: &mut Vec<u8>,
        _: usize,
    ) -> Result<usize, Corrupt> {
        match *self {}
    }

    pub(crate) const fn finish(&mut self) -> Result<(), Corrupt> {
        match *self {}
    }
}
