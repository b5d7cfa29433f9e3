fn main() { print!("{}", hdl::emit(&hdl::Params::target(&std::env::args().nth(1).unwrap()).unwrap()).unwrap()); }
