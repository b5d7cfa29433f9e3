// The C ABI between `sim::rtl` and a Verilated `systole`: clocks the model and times its memory port.
//
// Everything that a cycle needs happens here, so that Rust is called once a row, a mark or a chunk of cycles.
// The bytes of the memory, the address map and the digest live in Rust, behind the callbacks of `Host`.
// The memory port's width is that of the model's `wdata`, so this file fits every parameter set.

#include "Vdut.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ports are copied as little-endian integers");

// Verilator's run-time complaints (a missing $readmemh file is only a warning to it) end the run with an error.
static void complain(const char* file, int line, const char* message) {
    throw std::runtime_error(std::string(file ? file : "") + ":" + std::to_string(line) + ": " + message);
}
void vl_warn(const char* file, int line, const char*, const char* message) { complain(file, line, message); }
void vl_fatal(const char* file, int line, const char*, const char* message) { complain(file, line, message); }
void vl_stop(const char* file, int line, const char*) { complain(file, line, "$stop"); }
void vl_finish(const char* file, int line, const char*) { complain(file, line, "$finish"); }

namespace {

constexpr uint32_t ROW_BYTES = 32;
constexpr size_t COUNTERS = 9;

// The next four structs are `repr(C)` twins of those in model.rs.
struct Sample {
    uint32_t mark_id;
    uint32_t status;
    uint64_t steps;
    uint64_t digest;
    uint64_t counters[COUNTERS];
};

struct Host {
    void* context;
    int (*read)(void* context, uint32_t row, uint8_t* leaf);
    int (*write)(void* context, uint32_t row, const uint8_t* leaf);
    void (*mark)(void* context, const Sample* sample);
};

struct Timing {
    uint32_t latency_cycles;
    uint32_t bytes_per_cycle;
    uint32_t stall_permille;
    uint32_t jitter_cycles;
    uint64_t seed;
    uint64_t hang_cycles;
};

struct Job {
    uint8_t profile[ROW_BYTES];
    uint32_t bases[5];
};

enum State : int { RUNNING = 0, DONE = 1, HUNG = 2, FAILED = 3 };

struct Request {
    bool write;
    uint32_t row;
    uint32_t rows;
    uint64_t ready_cycle;
};

uint64_t random_next(uint64_t& state) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545F4914F6CDD1DULL;
}

// An in-order memory behind a port of WIDTH bytes: `offer` sets the model's inputs for one cycle, `take` sees what
// was exchanged in it.
template <class Top> class Port {
    static constexpr uint32_t WIDTH = sizeof(std::remove_reference_t<decltype(std::declval<Top>().wdata)>);
    static_assert(WIDTH <= ROW_BYTES && (WIDTH & (WIDTH - 1)) == 0, "the port carries 1, 2, 4, 8, 16 or 32 bytes");
    static constexpr size_t QUEUE = 4;

    Timing timing{};
    std::deque<Request> queue;
    uint8_t row_bytes[ROW_BYTES]{};
    uint32_t offset_bytes = 0;
    uint64_t credit_bytes = 0;
    uint64_t random = 1;

    bool stalled() { return timing.stall_permille != 0 && random_next(random) % 1000 < timing.stall_permille; }

public:
    static constexpr uint32_t width() { return WIDTH; }
    bool idle() const { return queue.empty(); }

    void reset(const Timing& with) {
        timing = with;
        random = with.seed * 2 + 1;
        queue.clear();
        offset_bytes = 0;
        credit_bytes = 0;
    }

    void offer(Top& top, const Host& host, uint64_t cycle) {
        credit_bytes = std::min<uint64_t>(credit_bytes + timing.bytes_per_cycle, WIDTH + timing.bytes_per_cycle);
        const bool turn = !queue.empty() && credit_bytes >= WIDTH && cycle >= queue.front().ready_cycle && !stalled();
        top.req_ready = queue.size() < QUEUE && !stalled();
        top.wdata_ready = turn && queue.front().write;
        top.rdata_valid = turn && !queue.front().write;
        if (top.rdata_valid) {
            if (offset_bytes == 0 && host.read(host.context, queue.front().row, row_bytes) != 0)
                throw std::runtime_error("memory fault");
            std::memcpy(&top.rdata, row_bytes + offset_bytes, WIDTH);
        } else if (timing.stall_permille != 0) {
            // What is not valid must not matter.
            const uint64_t noise[4] = {random_next(random), random_next(random), random_next(random), random};
            std::memcpy(&top.rdata, noise, WIDTH);
        }
    }

    // True when anything was exchanged.
    bool take(Top& top, const Host& host, uint64_t cycle) {
        bool moved = false;
        if (top.rdata_valid) moved = advance();
        if (top.wdata_valid && top.wdata_ready) {
            std::memcpy(row_bytes + offset_bytes, &top.wdata, WIDTH);
            if (offset_bytes + WIDTH == ROW_BYTES && host.write(host.context, queue.front().row, row_bytes) != 0)
                throw std::runtime_error("memory fault");
            moved = advance();
        }
        if (top.req_valid && top.req_ready) {
            if (top.req_rows == 0) throw std::runtime_error("memory request of 0 rows");
            uint64_t latency = timing.latency_cycles;
            if (timing.jitter_cycles != 0) latency += random_next(random) % (timing.jitter_cycles + 1);
            queue.push_back({bool(top.req_write), top.req_row, top.req_rows, cycle + 1 + latency});
            moved = true;
        }
        return moved;
    }

private:
    bool advance() {
        credit_bytes -= WIDTH;
        offset_bytes = (offset_bytes + WIDTH) % ROW_BYTES;
        if (offset_bytes == 0) {
            Request& head = queue.front();
            head.row += 1;
            head.rows -= 1;
            if (head.rows == 0) queue.pop_front();
        }
        return true;
    }
};

class Machine {
    VerilatedContext context;
    Vdut top;
    Port<Vdut> port;
#if VM_TRACE
    VerilatedFstC waves;
#endif
    uint64_t cycle = 0;
    uint64_t last_progress_cycle = 0;
    uint64_t last_steps = 0;
    uint64_t hang_cycles = 0;

public:
    std::string error;

    explicit Machine(const char* waves_path) : top(&context, "systole") {
#if VM_TRACE
        if (waves_path != nullptr) {
            context.traceEverOn(true);
            top.trace(&waves, 99);
            waves.open(waves_path);
            if (!waves.isOpen()) throw std::runtime_error(std::string("cannot write waves to ") + waves_path);
        }
#else
        if (waves_path != nullptr) throw std::runtime_error("this model was built without waves");
#endif
        top.clock = 0;
        top.start = 0;
        top.req_ready = 0;
        top.rdata_valid = 0;
        top.wdata_ready = 0;
        settle();
    }

    ~Machine() {
#if VM_TRACE
        if (waves.isOpen()) waves.close();
#endif
        top.final();
    }

    static uint32_t port_bytes() { return Port<Vdut>::width(); }

    void isa_hash(uint8_t* leaf) {
        for (uint32_t i = 0; i < ROW_BYTES; i++) leaf[i] = uint8_t(top.isa_hash[7 - i / 4] >> (24 - 8 * (i % 4)));
    }

    void start(const Job& job, const Timing& timing) {
        port.reset(timing);
        hang_cycles = timing.hang_cycles;
        for (uint32_t i = 0; i < 8; i++) top.profile[i] = 0;
        for (uint32_t i = 0; i < ROW_BYTES; i++) top.profile[7 - i / 4] |= uint32_t(job.profile[i]) << (24 - 8 * (i % 4));
        top.base_text = job.bases[0];
        top.base_const = job.bases[1];
        top.base_input = job.bases[2];
        top.base_work = job.bases[3];
        top.base_output = job.bases[4];
        top.req_ready = 0;
        top.rdata_valid = 0;
        top.wdata_ready = 0;
        if (top.busy) throw std::runtime_error("start while busy");
        top.start = 1;
        edge();
        top.start = 0;
        last_progress_cycle = cycle;
        last_steps = 0;
    }

    State run(const Host& host, uint64_t cycles) {
        for (uint64_t i = 0; i < cycles; i++) {
            port.offer(top, host, cycle);
            settle();
            bool progress = port.take(top, host, cycle);
            if (top.mark_valid) {
                const Sample now = sample();
                host.mark(host.context, &now);
                progress = true;
            }
            if (top.done) {
                if (!port.idle()) throw std::runtime_error("done with a memory request outstanding");
                return DONE;
            }
            if (progress || top.steps != last_steps) {
                last_progress_cycle = cycle;
                last_steps = top.steps;
            } else if (cycle - last_progress_cycle > hang_cycles) {
                return HUNG;
            }
            edge_after_settle();
        }
        return RUNNING;
    }

    Sample sample() const {
        return {top.mark_id,
                top.status,
                top.steps,
                top.digest,
                {top.cycles, top.cycles_clear, top.cycles_issue, top.cycles_load, top.cycles_store, top.cycles_move,
                 top.cycles_matmul, top.cycles_vector, top.macs}};
    }

private:
    void settle() {
        top.clock = 0;
        top.eval();
        dump(2 * cycle);
    }

    void edge_after_settle() {
        top.clock = 1;
        top.eval();
        dump(2 * cycle + 1);
        cycle += 1;
    }

    void edge() {
        settle();
        edge_after_settle();
    }

    void dump(uint64_t time) {
#if VM_TRACE
        if (waves.isOpen()) waves.dump(time);
#else
        (void)time;
#endif
    }
};

template <class Body> int guarded(Machine* machine, Body body) {
    try {
        return body();
    } catch (const std::exception& failure) {
        machine->error = failure.what();
        return FAILED;
    }
}

}  // namespace

extern "C" {

// Null, with a message in `error`, where the model cannot be made.
Machine* systole_new(const char* waves_path, char* error, size_t error_bytes) {
    try {
        return new Machine(waves_path);
    } catch (const std::exception& failure) {
        std::strncpy(error, failure.what(), error_bytes - 1);
        error[error_bytes - 1] = 0;
        return nullptr;
    }
}

void systole_free(Machine* machine) { delete machine; }

uint32_t systole_port_bytes() { return Machine::port_bytes(); }

void systole_isa_hash(Machine* machine, uint8_t* leaf) { machine->isa_hash(leaf); }

const char* systole_error(const Machine* machine) { return machine->error.c_str(); }

int systole_start(Machine* machine, const Job* job, const Timing* timing) {
    return guarded(machine, [&] {
        machine->start(*job, *timing);
        return RUNNING;
    });
}

int systole_run(Machine* machine, const Host* host, uint64_t cycles) {
    return guarded(machine, [&] { return machine->run(*host, cycles); });
}

void systole_sample(const Machine* machine, Sample* sample) { *sample = machine->sample(); }

}  // extern "C"
