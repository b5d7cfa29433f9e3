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
#include <vector>

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
// cycles, macs, bytes read and written; then those of each part by what it did.
constexpr size_t COUNTERS = 4 + 7 * 7;

// The next five structs are `repr(C)` twins of those in model.rs.
struct Sample {
    uint32_t mark_id;
    uint32_t status;
    uint64_t steps;
    uint64_t digest;
    uint64_t counters[COUNTERS];
};

// Something that happened: 0 an instruction was issued to a unit, 1 taken, 2 retired, 3 a part does something else.
struct Event {
    uint64_t cycle;
    // The machine's counters before this cycle.
    uint64_t macs;
    uint64_t bytes_read;
    uint64_t bytes_written;
    uint32_t pc;
    uint8_t kind;
    uint8_t unit;
    uint8_t code;
    uint8_t unused;
};

struct Host {
    void* context;
    int (*read)(void* context, uint32_t row, uint8_t* leaf);
    int (*write)(void* context, uint32_t row, const uint8_t* leaf);
    void (*mark)(void* context, const Sample* sample);
    void (*trace)(void* context, const Event* events, size_t count);
};

struct Timing {
    uint32_t latency_cycles;
    uint32_t bytes_per_cycle;
    uint32_t outstanding;
    uint32_t stall_permille;
    uint32_t jitter_cycles;
    uint64_t seed;
    uint64_t hang_cycles;
    uint64_t gated;
};

struct Job {
    uint8_t profile[ROW_BYTES];
    uint32_t bases[5];
};

enum State : int { RUNNING = 0, DONE = 1, HUNG = 2, FAILED = 3 };

uint64_t random_next(uint64_t& state) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545F4914F6CDD1DULL;
}

// The memory behind a port of WIDTH bytes: `offer` sets the model's inputs for one cycle, `take` sees what was
// exchanged in it. Each channel is in order; together they move `bytes_per_cycle`.
//
// A write is readable once `written` has told so, and may be earlier; a read may see all that is written until its
// data go. With jitter both happen by chance, without it everything is as late, or as early, as is allowed: so a
// machine that does not wait for `written`, or for the data of a read before it writes their rows, is found out.
template <class Top> class Memory {
    static constexpr uint32_t WIDTH = sizeof(std::remove_reference_t<decltype(std::declval<Top>().wdata)>);
    static_assert(WIDTH <= ROW_BYTES && (WIDTH & (WIDTH - 1)) == 0, "the port carries 1, 2, 4, 8, 16 or 32 bytes");

    struct Request {
        uint32_t row;
        uint32_t rows;
        // Of a read: rows delivered. Of a write: rows that have come, and those of them that can be read.
        uint32_t moved;
        uint32_t readable;
        // Of a read: when its first beat may go. Of a write: when it is said to be written, once all rows have come.
        uint64_t ready_cycle;
        // A read that looks when its data go; a write that is readable as it comes.
        bool by_data;
        std::vector<uint8_t> bytes;
    };

    Timing timing{};
    std::deque<Request> reads;
    std::deque<Request> writes;
    // The first of `writes` that has rows to come.
    size_t coming = 0;
    uint8_t delivered[ROW_BYTES]{};
    uint8_t arriving[ROW_BYTES]{};
    uint32_t read_offset_bytes = 0;
    uint32_t write_offset_bytes = 0;
    uint64_t credit_bytes = 0;
    uint64_t random = 1;
    bool write_first = false;
    bool read_waits = false;
    bool write_waits = false;
    uint32_t waiting[4]{};

    bool stalled() { return timing.stall_permille != 0 && random_next(random) % 1000 < timing.stall_permille; }
    bool by_chance() { return timing.jitter_cycles != 0 && random_next(random) % 2 != 0; }

    uint64_t after_latency(uint64_t cycle) {
        uint64_t latency = timing.latency_cycles;
        if (timing.jitter_cycles != 0) latency += random_next(random) % (timing.jitter_cycles + 1);
        return cycle + 1 + latency;
    }

public:
    static constexpr uint32_t width() { return WIDTH; }
    bool idle() const { return reads.empty() && writes.empty(); }

    void reset(Top& top, const Timing& with) {
        timing = with;
        random = with.seed * 2 + 1;
        reads.clear();
        writes.clear();
        coming = 0;
        read_offset_bytes = write_offset_bytes = 0;
        credit_bytes = 0;
        write_first = read_waits = write_waits = false;
        top.read_ready = top.rdata_valid = top.write_ready = top.wdata_ready = top.written = top.mark_ready = 0;
    }

    void offer(Top& top, const Host& host, uint64_t cycle) {
        credit_bytes = std::min<uint64_t>(credit_bytes + timing.bytes_per_cycle, WIDTH + timing.bytes_per_cycle);
        bool read = !reads.empty() && credit_bytes >= WIDTH && cycle >= reads.front().ready_cycle && !stalled();
        bool write = coming < writes.size() && credit_bytes >= WIDTH && top.wdata_valid && !stalled();
        if (read && write && credit_bytes < 2 * WIDTH) {
            // One of both: in turn.
            read = !write_first;
            write = write_first;
            write_first = !write_first;
        }
        top.read_ready = reads.size() < timing.outstanding && !stalled();
        top.write_ready = writes.size() < timing.outstanding && !stalled();
        top.wdata_ready = write;
        top.written = finished(cycle) && !stalled();
        top.mark_ready = !stalled();
        top.rdata_valid = read;
        if (read) {
            Request& head = reads.front();
            if (read_offset_bytes == 0) {
                if (head.by_data)
                    fetch(host, head.row + head.moved, delivered);
                else
                    std::memcpy(delivered, &head.bytes[size_t(head.moved) * ROW_BYTES], ROW_BYTES);
            }
            std::memcpy(&top.rdata, delivered + read_offset_bytes, WIDTH);
        } else if (timing.stall_permille != 0) {
            // What is not valid must not matter.
            const uint64_t noise[4] = {random_next(random), random_next(random), random_next(random), random};
            std::memcpy(&top.rdata, noise, WIDTH);
        }
    }

    // True when anything was exchanged.
    bool take(Top& top, const Host& host, uint64_t cycle) {
        bool moved = false;
        if (top.rdata_valid && top.rdata_ready) {
            credit_bytes -= WIDTH;
            read_offset_bytes = (read_offset_bytes + WIDTH) % ROW_BYTES;
            if (read_offset_bytes == 0 && ++reads.front().moved == reads.front().rows) reads.pop_front();
            moved = true;
        }
        if (top.wdata_ready && top.wdata_valid) {
            credit_bytes -= WIDTH;
            std::memcpy(arriving + write_offset_bytes, &top.wdata, WIDTH);
            write_offset_bytes = (write_offset_bytes + WIDTH) % ROW_BYTES;
            if (write_offset_bytes == 0) arrive(host, cycle);
            moved = true;
        }
        stands("read", top.read_valid, top.read_ready, top.read_row, top.read_rows, read_waits, waiting);
        stands("write", top.write_valid, top.write_ready, top.write_row, top.write_rows, write_waits, waiting + 2);
        if (top.read_valid && top.read_ready) {
            reads.push_back({top.read_row, top.read_rows, 0, 0, after_latency(cycle), by_chance(), {}});
            Request& request = reads.back();
            if (!request.by_data) {
                request.bytes.resize(size_t(request.rows) * ROW_BYTES);
                for (uint32_t i = 0; i < request.rows; i++)
                    fetch(host, request.row + i, &request.bytes[size_t(i) * ROW_BYTES]);
            }
            moved = true;
        }
        // After the reads: those of the cycle in which it is written see what was before.
        if (top.written) {
            while (writes.front().readable < writes.front().rows) keep(host, writes.front());
            writes.pop_front();
            coming -= 1;
            moved = true;
        }
        if (top.write_valid && top.write_ready) {
            writes.push_back({top.write_row, top.write_rows, 0, 0, 0, by_chance(), {}});
            moved = true;
        }
        return moved;
    }

private:
    bool finished(uint64_t cycle) const { return coming > 0 && cycle >= writes.front().ready_cycle; }

    void arrive(const Host& host, uint64_t cycle) {
        Request& request = writes[coming];
        request.bytes.insert(request.bytes.end(), arriving, arriving + ROW_BYTES);
        request.moved += 1;
        // Rows become readable in the order in which they were written.
        const bool next = coming == 0 || writes[coming - 1].readable == writes[coming - 1].rows;
        while (request.by_data && next && request.readable < request.moved) keep(host, request);
        if (request.moved == request.rows) {
            request.ready_cycle = after_latency(cycle);
            coming += 1;
        }
    }

    void fetch(const Host& host, uint32_t row, uint8_t* leaf) {
        if (host.read(host.context, row, leaf) != 0) throw std::runtime_error("memory fault");
    }

    void keep(const Host& host, Request& request) {
        const uint8_t* leaf = &request.bytes[size_t(request.readable) * ROW_BYTES];
        if (host.write(host.context, request.row + request.readable, leaf) != 0) throw std::runtime_error("memory fault");
        request.readable += 1;
    }

    // A request has rows, and stays what it is until it is accepted.
    static void stands(const char* what, bool valid, bool ready, uint32_t row, uint32_t rows, bool& waits, uint32_t* before) {
        if (valid && rows == 0) throw std::runtime_error(std::string(what) + " request of 0 rows");
        if (waits && !(valid && row == before[0] && rows == before[1]))
            throw std::runtime_error(std::string(what) + " request withdrawn or changed");
        waits = valid && !ready;
        before[0] = row;
        before[1] = rows;
    }
};

// Records what the units do and hands it on in chunks.
class Recorder {
    static constexpr size_t CHUNK = 4096;
    static constexpr uint32_t UNITS = 6;
    static constexpr uint32_t PARTS = UNITS + 1;

    std::vector<Event> events;
    uint64_t start_cycle = 0;
    uint32_t activity = 0;

public:
    void reset(uint64_t cycle) {
        events.clear();
        start_cycle = cycle;
        activity = 0;
    }

    void look(const Vdut& top, const Host& host, uint64_t cycle) {
        const auto put = [&](uint8_t kind, uint32_t unit, uint32_t pc, uint32_t code) {
            events.push_back({cycle - start_cycle, top.macs, top.bytes_read, top.bytes_written, pc, kind, uint8_t(unit),
                              uint8_t(code), 0});
        };
        if (top.issued) put(0, top.issued_unit, top.issued_pc, 0);
        for (uint32_t unit = 0; top.takes >> unit != 0; unit++)
            if (top.takes >> unit & 1) put(1, unit, 0, 0);
        for (uint32_t unit = 0; top.retires >> unit != 0; unit++)
            if (top.retires >> unit & 1) put(2, unit, 0, 0);
        const uint32_t changed = top.activity ^ activity;
        activity = top.activity;
        for (uint32_t part = 0; changed >> 3 * part != 0 && part < PARTS; part++)
            if (changed >> 3 * part & 7) put(3, part, 0, activity >> 3 * part & 7);
        if (events.size() >= CHUNK) flush(host);
    }

    void flush(const Host& host) {
        if (!events.empty()) host.trace(host.context, events.data(), events.size());
        events.clear();
    }
};

#define BY_CODE(part, c1, c2, c3, c4, c5, c6)                                                                  \
    {                                                                                                          \
        top.count_##part##_##c1, top.count_##part##_##c2, top.count_##part##_##c3, top.count_##part##_##c4,    \
            top.count_##part##_##c5, top.count_##part##_##c6                                                   \
    }
#define UNIT(name) BY_CODE(name, work, operand, bank, memory, start, drain)

Sample sampled(const Vdut& top) {
    Sample now{top.mark_id, top.status, top.steps, top.digest, {top.cycles, top.macs, top.bytes_read, top.bytes_written}};
    const uint64_t parts[7][6] = {UNIT(load), UNIT(store), UNIT(move), UNIT(matrix), UNIT(depthwise), UNIT(vector),
                                  BY_CODE(front, issue, fetch, full, result, clear, end)};
    uint64_t* count = now.counters + 4;
    for (const auto& part : parts) {
        // Code 0 has no counter: it is the rest.
        count[0] = top.cycles;
        for (size_t code = 1; code < 7; code++) {
            count[code] = part[code - 1];
            count[0] -= count[code];
        }
        count += 7;
    }
    return now;
}

class Machine {
    VerilatedContext context;
    Vdut top;
    Memory<Vdut> memory;
    Recorder recorder;
#if VM_TRACE
    VerilatedFstC waves;
#endif
    uint64_t cycle = 0;
    uint64_t last_progress_cycle = 0;
    uint64_t last_steps = 0;
    uint64_t hang_cycles = 0;
    uint64_t next_dump = 0;
    bool gated = true;

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
        top.start = 0;
        memory.reset(top, Timing{});
        clocks(0);
        top.eval();
    }

    ~Machine() {
#if VM_TRACE
        if (waves.isOpen()) waves.close();
#endif
        top.final();
    }

    static uint32_t port_bytes() { return Memory<Vdut>::width(); }

    void isa_hash(uint8_t* leaf) {
        for (uint32_t i = 0; i < ROW_BYTES; i++) leaf[i] = uint8_t(top.isa_hash[7 - i / 4] >> (24 - 8 * (i % 4)));
    }

    void start(const Job& job, const Timing& timing) {
        memory.reset(top, timing);
        hang_cycles = timing.hang_cycles;
        gated = timing.gated != 0;
        for (uint32_t i = 0; i < 8; i++) top.profile[i] = 0;
        for (uint32_t i = 0; i < ROW_BYTES; i++) top.profile[7 - i / 4] |= uint32_t(job.profile[i]) << (24 - 8 * (i % 4));
        top.base_text = job.bases[0];
        top.base_const = job.bases[1];
        top.base_input = job.bases[2];
        top.base_work = job.bases[3];
        top.base_output = job.bases[4];
        if (top.busy) throw std::runtime_error("start while busy");
        top.start = 1;
        edge();
        top.start = 0;
        recorder.reset(cycle);
        last_progress_cycle = cycle;
        last_steps = 0;
    }

    State run(const Host& host, uint64_t cycles) {
        for (uint64_t i = 0; i < cycles; i++) {
            memory.offer(top, host, cycle);
            settle();
            bool progress = memory.take(top, host, cycle);
            recorder.look(top, host, cycle);
            if (top.mark_valid && top.mark_ready) {
                Sample now = sampled(top);
                now.steps = top.mark_steps;
                host.mark(host.context, &now);
                progress = true;
            }
            if (top.done) {
                if (!memory.idle()) throw std::runtime_error("done with a memory request outstanding");
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

    void hand_on_trace(const Host& host) { recorder.flush(host); }

    Sample sample() const { return sampled(top); }

private:
    // Parts that sleep get no edge, and cost next to nothing.
    void clocks(uint32_t level) {
        const uint32_t on = gated ? top.awake : ~0u;
        top.clock = level;
        top.clock_load = level & on;
        top.clock_store = level & on >> 1;
        top.clock_move = level & on >> 2;
        top.clock_matrix = level & on >> 3;
        top.clock_depthwise = level & on >> 4;
        top.clock_vector = level & on >> 5;
        top.clock_front = level & on >> 6;
        top.clock_scoreboard = level & on >> 7;
    }

    void settle() {
        clocks(0);
        top.eval();
        dump(2 * cycle);
    }

    void edge_after_settle() {
        clocks(1);
        top.eval();
        dump(2 * cycle + 1);
        cycle += 1;
    }

    void edge() {
        settle();
        edge_after_settle();
    }

    // A run begins in the cycle in which the one before it was done, which is there already.
    void dump(uint64_t time) {
#if VM_TRACE
        if (waves.isOpen() && time >= next_dump) waves.dump(time);
        next_dump = time + 1;
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

// Of Clang's run time, where it counts for a profile: told to write now, and not when the process ends.
int __llvm_profile_write_file() __attribute__((weak));
void __llvm_profile_set_filename(const char*) __attribute__((weak));

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

void systole_free(Machine* machine) {
    delete machine;
    if (!__llvm_profile_write_file) return;
    __llvm_profile_write_file();
    __llvm_profile_set_filename("/dev/null");
}

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
    const int state = guarded(machine, [&] { return machine->run(*host, cycles); });
    machine->hand_on_trace(*host);
    return state;
}

void systole_sample(const Machine* machine, Sample* sample) { *sample = machine->sample(); }

}  // extern "C"
