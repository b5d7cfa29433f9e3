//! Bytes of a row turned about.

/// A function of Verilog: byte *i* of `rotated(whole, places)` is byte (*i* + `places`) mod 32 of it. In stages, since two
/// shifts take twice the LUTs.
pub(super) const ROTATE: &str = "function [255:0] rotated(input [255:0] whole, input [4:0] places);
    begin
        rotated = whole;
        if (places[4]) rotated = {rotated[127:0], rotated[255:128]};
        if (places[3]) rotated = {rotated[63:0], rotated[255:64]};
        if (places[2]) rotated = {rotated[31:0], rotated[255:32]};
        if (places[1]) rotated = {rotated[15:0], rotated[255:16]};
        if (places[0]) rotated = {rotated[7:0], rotated[255:8]};
    end
endfunction
";
