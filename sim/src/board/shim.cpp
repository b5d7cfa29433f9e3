// The C ABI between `sim::board` and a Verilated `shell`: its clock, and a UART at its two lines.

#include "Vdut.h"
#include "verilated.h"

#include <cstdint>
#include <cstdlib>
#include <deque>

void vl_warn(const char*, int, const char*, const char*) {}
void vl_fatal(const char*, int, const char*, const char*) { std::abort(); }
void vl_stop(const char*, int, const char*) { std::abort(); }
void vl_finish(const char*, int, const char*) { std::abort(); }

namespace {

class Board {
    VerilatedContext context;
    Vdut top;
    uint32_t cycles_per_bit;
    std::deque<uint8_t> going;
    // Bits of the byte that goes, lowest first, its start and stop with it; what is left of it.
    uint32_t out_bits = 0;
    uint32_t out_left = 0;
    uint32_t out_wait = 0;
    // Of the byte that comes.
    uint32_t in_bits = 0;
    uint32_t in_left = 0;
    uint32_t in_wait = 0;

public:
    explicit Board(uint32_t cycles) : top(&context, "board"), cycles_per_bit(cycles) {
        top.rx = 1;
        top.clock = 0;
        top.eval();
    }

    ~Board() { top.final(); }

    void send(const uint8_t* bytes, size_t count) { going.insert(going.end(), bytes, bytes + count); }

    size_t receive(uint8_t* bytes, size_t capacity, uint64_t patience_cycles) {
        if (capacity == 0) return 0;
        for (uint64_t quiet = 0; quiet < patience_cycles; quiet++) {
            if (drive()) quiet = 0;
            top.clock = 1;
            top.eval();
            top.clock = 0;
            top.eval();
            if (sample(bytes)) return 1;
            if (in_left != 0) quiet = 0;
        }
        return 0;
    }

private:
    // True while something goes.
    bool drive() {
        if (out_left == 0) {
            if (going.empty()) return false;
            out_bits = 0x200u | uint32_t(going.front()) << 1;
            going.pop_front();
            out_left = 10;
            out_wait = cycles_per_bit;
        }
        top.rx = out_bits & 1;
        if (--out_wait == 0) {
            out_bits >>= 1;
            out_left -= 1;
            out_wait = cycles_per_bit;
        }
        return true;
    }

    // True when a byte has come.
    bool sample(uint8_t* byte) {
        if (in_left == 0) {
            if (top.tx == 0) {
                in_left = 10;
                in_wait = cycles_per_bit / 2;
            }
            return false;
        }
        if (in_wait-- != 0) return false;
        in_wait = cycles_per_bit - 1;
        in_bits = in_bits >> 1 | uint32_t(top.tx) << 9;
        if (--in_left != 0) return false;
        *byte = uint8_t(in_bits >> 1);
        return in_bits >> 9 == 1;
    }
};

}  // namespace

extern "C" {

Board* board_new(uint32_t cycles_per_bit) { return new Board(cycles_per_bit); }

void board_free(Board* board) { delete board; }

void board_send(Board* board, const uint8_t* bytes, size_t count) { board->send(bytes, count); }

size_t board_receive(Board* board, uint8_t* bytes, size_t capacity, uint64_t patience_cycles) {
    return board->receive(bytes, capacity, patience_cycles);
}

}  // extern "C"
