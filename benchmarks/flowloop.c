/* SPDX-License-Identifier: Apache-2.0 */
/* The C limit of the speed benchmark: the plainest loop that keeps what `minewatch meter` keeps.
 *
 *     cc -O2 -o flowloop flowloop.c && ./flowloop CAPTURE.pcap OUT.bin
 *
 * Reads a little-endian microsecond pcap of Ethernet frames in blocks of 1 MiB, keeps statistics of
 * both directions per biflow, cuts a record per 60-second interval (counted from the first packet
 * of the flow) and at a pause of 120 seconds, and writes the records in binary to OUT.bin.
 * No fragments, no IPv6 extension headers, no tunnels: packets it cannot read are counted only.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_OCTETS (1u << 20)
#define MAX_RECORD_OCTETS (1u << 18) /* the snap length that libpcap allows */
#define INTERVAL_US (60 * 1000000ll)
#define IDLE_US (120 * 1000000ll)

enum { TCP = 6, UDP = 17, TCP_SYN = 0x02, TCP_PSH = 0x08, TCP_ACK = 0x10 };

/* Addresses and ports with the smaller end first, so that both directions meet. */
struct key {
    uint8_t low[16], high[16];
    uint16_t low_port, high_port;
    uint32_t protocol;
};

struct direction {
    uint64_t packets, octets, payload_octets, payload_packets;
    uint32_t psh_count, ack_count;
    uint16_t min_length, max_length, tcp_flags;
    int64_t first_us, last_us;
};

struct flow {
    struct key key;
    uint32_t high_is_initiator;
    int64_t interval_start_us, last_us;
    struct direction from_low, from_high;
};

struct packet {
    struct key key;
    int from_high;
    int64_t time_us;
    uint16_t length, payload;
    uint8_t tcp_flags;
};

/* Open addressing over (hash, number) pairs; the flows lie in one growing array. */
struct slot {
    uint32_t hash, flow_plus_one;
};

static struct slot *slots;
static uint32_t slot_count = 1u << 16;
static struct flow *flows;
static uint32_t flow_count, flow_room = 1u << 15;

static FILE *out;
static uint64_t metered_packets, skipped_packets, octets, started_flows, records;

static void *checked(void *memory)
{
    if (!memory) {
        fputs("flowloop: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

static inline uint16_t be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t hash_key(const struct key *key)
{
    uint64_t words[5], hash = 0x9e3779b97f4a7c15ull;
    memcpy(words, key, sizeof words);
    for (int i = 0; i < 5; i++) {
        hash = (hash ^ words[i]) * 0xff51afd7ed558ccdull;
        hash ^= hash >> 32;
    }
    return (uint32_t)hash;
}

static void double_slots(void)
{
    uint32_t old_count = slot_count;
    struct slot *old = slots;
    slot_count *= 2;
    slots = checked(calloc(slot_count, sizeof *slots));
    for (uint32_t i = 0; i < old_count; i++) {
        if (!old[i].flow_plus_one)
            continue;
        uint32_t at = old[i].hash & (slot_count - 1);
        while (slots[at].flow_plus_one)
            at = (at + 1) & (slot_count - 1);
        slots[at] = old[i];
    }
    free(old);
}

/* The flow of a key; a new one has from_low.packets == from_high.packets == 0. */
static struct flow *find_flow(const struct key *key)
{
    uint32_t hash = hash_key(key), at = hash & (slot_count - 1);
    for (; slots[at].flow_plus_one; at = (at + 1) & (slot_count - 1)) {
        struct flow *flow = &flows[slots[at].flow_plus_one - 1];
        if (slots[at].hash == hash && !memcmp(&flow->key, key, sizeof *key))
            return flow;
    }
    if (flow_count == flow_room)
        flows = checked(realloc(flows, (flow_room *= 2) * sizeof *flows));
    slots[at] = (struct slot){hash, flow_count + 1};
    struct flow *flow = &flows[flow_count++];
    memset(flow, 0, sizeof *flow);
    flow->key = *key;
    if (flow_count > slot_count / 2)
        double_slots();
    return flow;
}

static void write_record(struct flow *flow)
{
    if (fwrite(flow, sizeof *flow, 1, out) != 1) {
        perror("flowloop: cannot write");
        exit(1);
    }
    records++;
    memset(&flow->from_low, 0, sizeof flow->from_low);
    memset(&flow->from_high, 0, sizeof flow->from_high);
}

static void start_flow(struct flow *flow, const struct packet *packet)
{
    int from_responder = (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
    flow->high_is_initiator = (uint32_t)(packet->from_high ^ from_responder);
    flow->interval_start_us = packet->time_us;
    started_flows++;
}

static void count_packet(struct direction *side, const struct packet *packet)
{
    if (!side->packets++) {
        side->first_us = packet->time_us;
        side->min_length = packet->length;
    }
    side->last_us = packet->time_us;
    side->octets += packet->length;
    side->payload_octets += packet->payload;
    side->payload_packets += packet->payload > 0;
    side->tcp_flags |= packet->tcp_flags;
    side->psh_count += (packet->tcp_flags & TCP_PSH) != 0;
    side->ack_count += (packet->tcp_flags & TCP_ACK) != 0;
    if (packet->length < side->min_length)
        side->min_length = packet->length;
    if (packet->length > side->max_length)
        side->max_length = packet->length;
}

static void meter(const struct packet *packet)
{
    struct flow *flow = find_flow(&packet->key);
    if (!flow->from_low.packets && !flow->from_high.packets) {
        start_flow(flow, packet);
    } else if (packet->time_us - flow->last_us > IDLE_US) {
        write_record(flow);
        start_flow(flow, packet);
    } else if (packet->time_us - flow->interval_start_us >= INTERVAL_US) {
        int64_t passed = (packet->time_us - flow->interval_start_us) / INTERVAL_US;
        write_record(flow);
        flow->interval_start_us += passed * INTERVAL_US;
    }
    flow->last_us = packet->time_us;
    count_packet(packet->from_high ? &flow->from_high : &flow->from_low, packet);
    metered_packets++;
    octets += packet->length;
}

static void set_key(struct packet *packet, const uint8_t *source, const uint8_t *destination,
                    size_t address_octets, const uint8_t *ports, uint8_t protocol)
{
    uint16_t source_port = be16(ports), destination_port = be16(ports + 2);
    int order = memcmp(source, destination, address_octets);
    packet->from_high = order > 0 || (order == 0 && source_port > destination_port);
    memset(&packet->key, 0, sizeof packet->key);
    memcpy(packet->key.low, packet->from_high ? destination : source, address_octets);
    memcpy(packet->key.high, packet->from_high ? source : destination, address_octets);
    packet->key.low_port = packet->from_high ? destination_port : source_port;
    packet->key.high_port = packet->from_high ? source_port : destination_port;
    packet->key.protocol = protocol | (uint32_t)address_octets << 8;
}

/* Fills in packet and returns 1, or returns 0 for what is not whole TCP or UDP over IP. */
static int parse(const uint8_t *frame, uint32_t captured, struct packet *packet)
{
    const uint8_t *end = frame + captured, *ip = frame + 14, *transport, *source;
    if (captured < 14)
        return 0;
    uint16_t type = be16(frame + 12);
    while ((type == 0x8100 || type == 0x88a8) && ip + 4 <= end) {
        type = be16(ip + 2);
        ip += 4;
    }
    uint32_t address_octets, length;
    uint8_t protocol;
    if (type == 0x0800 && ip + 20 <= end && ip[0] >> 4 == 4) {
        if (be16(ip + 6) & 0x3fff) /* fragment */
            return 0;
        transport = ip + (ip[0] & 15) * 4;
        length = be16(ip + 2);
        protocol = ip[9];
        source = ip + 12;
        address_octets = 4;
    } else if (type == 0x86dd && ip + 40 <= end && ip[0] >> 4 == 6) {
        transport = ip + 40;
        length = 40u + be16(ip + 4);
        protocol = ip[6];
        source = ip + 8;
        address_octets = 16;
    } else {
        return 0;
    }
    uint32_t header = 8;
    if (protocol == TCP && transport + 20 <= end) {
        header = (transport[12] >> 4) * 4u;
        packet->tcp_flags = transport[13];
    } else if (protocol == UDP && transport + 8 <= end) {
        packet->tcp_flags = 0;
    } else {
        return 0;
    }
    header += (uint32_t)(transport - ip);
    packet->length = (uint16_t)length;
    packet->payload = (uint16_t)(length > header ? length - header : 0);
    set_key(packet, source, source + address_octets, address_octets, transport, protocol);
    return 1;
}

/* Meters the whole packets in the buffer and returns how many octets they took. */
static size_t meter_block(const uint8_t *buffer, size_t filled)
{
    size_t at = 0;
    while (filled - at >= 16) {
        uint32_t head[4]; /* seconds, microseconds, captured length, length on the wire */
        memcpy(head, buffer + at, sizeof head);
        if (head[2] > MAX_RECORD_OCTETS) {
            fputs("flowloop: damaged capture\n", stderr);
            exit(1);
        }
        if (filled - at < 16 + (size_t)head[2])
            break;
        struct packet packet;
        packet.time_us = head[0] * 1000000ll + head[1];
        if (parse(buffer + at + 16, head[2], &packet))
            meter(&packet);
        else
            skipped_packets++;
        at += 16 + head[2];
    }
    return at;
}

static void read_capture(int file)
{
    uint8_t *buffer = checked(malloc(BLOCK_OCTETS + MAX_RECORD_OCTETS + 16));
    uint32_t head[6];
    if (read(file, head, sizeof head) != sizeof head || head[0] != 0xa1b2c3d4 || head[5] != 1) {
        fputs("flowloop: not a little-endian microsecond pcap of Ethernet\n", stderr);
        exit(1);
    }
    size_t filled = 0;
    ssize_t got;
    while ((got = read(file, buffer + filled, BLOCK_OCTETS)) > 0) {
        filled += (size_t)got;
        size_t used = meter_block(buffer, filled);
        filled -= used;
        memmove(buffer, buffer + used, filled); /* the packet cut by the end of the block */
    }
    if (got < 0)
        perror("flowloop: cannot read");
    free(buffer);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: flowloop CAPTURE.pcap OUT.bin\n", stderr);
        return 2;
    }
    int file = open(argv[1], O_RDONLY);
    out = fopen(argv[2], "wb");
    if (file < 0 || !out) {
        perror("flowloop");
        return 1;
    }
    setvbuf(out, NULL, _IOFBF, BLOCK_OCTETS);
    slots = checked(calloc(slot_count, sizeof *slots));
    flows = checked(malloc(flow_room * sizeof *flows));
    read_capture(file);
    for (uint32_t i = 0; i < flow_count; i++)
        write_record(&flows[i]);
    if (fclose(out)) {
        perror("flowloop: cannot write");
        return 1;
    }
    printf("packets %lu skipped %lu octets %lu keys %u flows %lu records %lu\n",
           (unsigned long)metered_packets, (unsigned long)skipped_packets, (unsigned long)octets,
           flow_count, (unsigned long)started_flows, (unsigned long)records);
    return 0;
}
