using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace SemAim.Tests;

/// <summary>Files of torch.save (zip and older form) and safetensors, whole and mutated, from a fixed seed; made without any library that reads them.</summary>
internal static class HostileCorpus
{
    /// <summary>One whole file of each format.</summary>
    internal static IReadOnlyList<byte[]> Good() => [Zip(Pickle()), Legacy(Pickle()), Safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[24,40]}}", 40)];

    /// <summary>More than 300 files that no reader may accept, each with a name that says what was done.</summary>
    internal static IEnumerable<(string Name, byte[] Bytes)> Refused()
    {
        var random = new Random(20260101);
        string[] kinds = ["zip", "legacy", "safetensors"];
        var good = Good();
        for (var k = 0; k < 3; k++)
        {
            for (var i = 0; i < 50; i++) yield return ($"{kinds[k]} truncated {i}", good[k][..random.Next(good[k].Length)]);
            yield return ($"{kinds[k]} reversed", [.. good[k].Reverse()]);
            yield return ($"{kinds[k]} empty", []);
        }
        for (var i = 0; i < 30; i++) yield return ($"noise {i}", Noise(random, 1 << random.Next(1, 14)));

        foreach (var item in Headers(random)) yield return item;
        foreach (var item in Pickles(random))
        {
            yield return ($"zip, {item.Name}", Zip(item.Pickle));
            yield return ($"legacy, {item.Name}", Legacy(item.Pickle));
        }
        foreach (var item in Zips()) yield return item;
    }

    private static IEnumerable<(string, byte[])> Headers(Random random)
    {
        for (var i = 0; i < 30; i++)
        {
            var (a, b) = (random.NextInt64(-5, 60), random.NextInt64(-5, 60));
            if (a == 0 && b == 24) continue;
            yield return ($"offsets {a}..{b}", Safetensors($"{{\"a\":{{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[{a},{b}]}}}}", 24));
        }
        foreach (var length in new[] { ulong.MaxValue, 1UL << 63, 1UL << 40, 1UL << 31, 1000UL, 0UL, 1UL })
        {
            var bytes = (byte[])Good()[2].Clone();
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
            yield return ($"header of {length}", bytes);
        }
        (string Name, string Header)[] texts =
        [
            ("overlap", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[8,24]}}"),
            ("hole", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]}}"),
            ("reversed offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[24,0]}}"),
            ("same key twice", "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[12,24]}}"),
            ("metadata twice", "{\"__metadata__\":{\"a\":\"b\"},\"__metadata__\":{\"a\":\"b\"},\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24]}}"),
            ("metadata of numbers", "{\"__metadata__\":{\"a\":1},\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24]}}"),
            ("huge axes", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,24]}}"),
            ("overflowing axes", "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,2,0],\"data_offsets\":[0,24]}}"),
            ("negative axis", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-6],\"data_offsets\":[0,24]}}"),
            ("fraction", "{\"a\":{\"dtype\":\"F32\",\"shape\":[6.5],\"data_offsets\":[0,24]}}"),
            ("unknown type", "{\"a\":{\"dtype\":\"F33\",\"shape\":[6],\"data_offsets\":[0,24]}}"),
            ("no type", "{\"a\":{\"shape\":[6],\"data_offsets\":[0,24]}}"),
            ("another member", "{\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24],\"more\":1}}"),
            ("list", "[1,2,3]"), ("text", "\"text\""), ("unclosed", "{\"a\":"), ("nothing", ""), ("leading blank", " {}"),
            ("deep", new string('[', 5000)), ("deep value", "{\"a\":" + new string('[', 5000) + new string(']', 5000) + "}"),
            ("half a surrogate", "{\"\\ud800\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24]}}"),
        ];
        foreach (var (name, header) in texts) yield return ($"safetensors, {name}", Safetensors(header, 24));
    }

    private static IEnumerable<(string Name, byte[] Pickle)> Pickles(Random random)
    {
        foreach (var name in new[] { "posix system", "os system", "builtins eval", "builtins exec", "builtins getattr", "subprocess Popen", "nt system", "torch load", "torch hub", "runpy _run_code", "webbrowser open", "operator attrgetter", "numpy load", "torch._utils _rebuild_qtensor", "torch.storage _load_from_bytes", "collections defaultdict", "__main__ Model" })
        {
            var parts = name.Split(' ');
            yield return ($"names {name}", [0x80, 2, .. Global(parts[0], parts[1]), .. Text("true"), 0x85, (byte)'R', (byte)'.']);
            yield return ($"stacks {name}", [0x80, 4, .. Text(parts[0]), .. Text(parts[1]), 0x93, (byte)'.']);
        }
        yield return ("the same key twice", [0x80, 2, (byte)'}', (byte)'(', .. Text("w"), .. Tensor(6, 0, [2], [1]), .. Text("w"), .. Tensor(6, 0, [2], [1]), (byte)'u', (byte)'.']);
        yield return ("no tensors", [0x80, 2, (byte)'}', (byte)'(', .. Text("w"), .. Text("x"), (byte)'u', (byte)'.']);
        yield return ("a list in itself", [0x80, 2, (byte)']', (byte)'q', 0, (byte)'h', 0, (byte)'a', (byte)'.']);
        yield return ("a dictionary in itself", [0x80, 2, (byte)'}', (byte)'q', 0, .. Text("w"), (byte)'h', 0, (byte)'s', (byte)'.']);
        yield return ("a tuple of itself", [0x80, 2, (byte)']', (byte)'q', 0, (byte)'h', 0, 0x85, (byte)'a', (byte)'h', 0, 0x86, (byte)'.']);
        yield return ("a mark that is not there", [0x80, 2, (byte)'t', (byte)'.']);
        yield return ("a memo that is not there", [0x80, 2, (byte)'h', 9, (byte)'.']);
        yield return ("an empty stack", [0x80, 2, (byte)'.']);
        yield return ("values left behind", [0x80, 2, (byte)'}', (byte)'}', (byte)'.']);
        yield return ("an unknown operation", [0x80, 2, 0xff, (byte)'.']);
        yield return ("protocol 9", [0x80, 9, (byte)'}', (byte)'.']);
        yield return ("a text of 4 GB", [0x80, 2, (byte)'X', 255, 255, 255, 255, (byte)'.']);
        yield return ("a number of 4 GB", [0x80, 2, 0x8b, 255, 255, 255, 255, (byte)'.']);
        yield return ("no end", [0x80, 2, (byte)'}']);
        yield return ("a key that is a list", [0x80, 2, (byte)'}', (byte)']', (byte)'N', (byte)'s', (byte)'.']);
        yield return ("a list called", [0x80, 2, (byte)']', (byte)')', (byte)'R', (byte)'.']);
        yield return ("a persistent text", [0x80, 2, .. Text("x"), (byte)'Q', (byte)'.']);
        yield return ("a million lists", [0x80, 2, .. Enumerable.Repeat((byte)']', 1_000_000), (byte)'.']);
        yield return ("a million marks", [0x80, 2, .. Enumerable.Repeat((byte)'(', 1_000_000), (byte)'.']);
        // one list of pairs, made into a dictionary again and again
        yield return ("dictionaries that multiply", [0x80, 2, (byte)']', (byte)'q', 0, (byte)'(', .. Enumerable.Range(0, 2000).SelectMany(i => (byte[])[(byte)'M', (byte)i, (byte)(i >> 8), (byte)'N', 0x86]), (byte)'e', .. Enumerable.Repeat<byte[]>([.. Global("collections", "OrderedDict"), (byte)'h', 0, 0x85, (byte)'R', (byte)'0'], 20_000).SelectMany(b => b), (byte)'.']);
        foreach (var (offset, shape, strides, what) in new (long, long[], long[], string)[]
        {
            (0, [7], [1], "one too many"), (6, [1], [1], "behind the end"), (-1, [1], [1], "before the start"), (0, [2], [1L << 62], "a stride of 2⁶²"), (0, [1L << 62, 4], [0, 1], "2⁶⁴ elements of nothing"),
            (1L << 62, [1], [1], "an offset of 2⁶²"), (0, [2, 3], [3], "axes without strides"), (0, [-1], [1], "a negative axis"), (0, [2], [-1], "a negative stride"), (0, [1_000_000_000], [0], "one number a billion times"), (0, [0, 1L << 61, 8], [1, 1, 1], "emptiness of 2⁶⁴"),
        })
            yield return (what, [0x80, 2, (byte)'}', .. Text("w"), .. Tensor(6, offset, shape, strides), (byte)'s', (byte)'.']);
        foreach (var count in new[] { 5L, 7, 0, -1, 1L << 40, 1L << 62, long.MaxValue }) yield return ($"a storage of {count}", [0x80, 2, (byte)'}', .. Text("w"), .. Tensor(count, 0, [1], [1]), (byte)'s', (byte)'.']);
        // many views of one storage: each is small, all of them are not
        yield return ("12,000 views of a storage", [0x80, 2, (byte)'}', (byte)'(', .. Enumerable.Range(0, 12_000).SelectMany(i => (byte[])[.. Text($"w{i}"), .. Tensor(6, 0, [6, 6, 6, 6], [1, 0, 0, 0])]), (byte)'u', (byte)'.']);
        var good = Pickle();
        for (var i = 0; i < 20; i++) yield return ($"pickle cut {i}", good[..random.Next(2, good.Length - 1)]);
    }

    private static IEnumerable<(string, byte[])> Zips()
    {
        yield return ("zip, two pickles", Archive(("a/data.pkl", Pickle(), false), ("b/data.pkl", Pickle(), false), ("a/data/0", new byte[24], false)));
        yield return ("zip, no pickle", Archive(("a/data/0", new byte[24], false)));
        yield return ("zip, no storage", Archive(("a/data.pkl", Pickle(), false)));
        yield return ("zip, the same storage twice", Archive(("a/data.pkl", Pickle(), false), ("a/data/0", new byte[24], false), ("a/data/0", new byte[24], false)));
        yield return ("zip, a bomb for a pickle", Archive(("a/data.pkl", new byte[64 << 20], true), ("a/data/0", new byte[24], false)));
        yield return ("zip, a bomb for a storage", Archive(("a/data.pkl", Pickle(), false), ("a/data/0", new byte[64 << 20], true)));
        yield return ("zip, big-endian", Archive(("a/data.pkl", Pickle(), false), ("a/byteorder", "big"u8.ToArray(), false), ("a/data/0", new byte[24], false)));
        yield return ("zip, more behind the pickle", Archive(("a/data.pkl", [.. Pickle(), 0, 0], false), ("a/data/0", new byte[24], false)));
        foreach (var size in new uint[] { 0xffffffff, 0x7fffffff, 25, 23, 1 << 30 })
        {
            // the directory says another size than the entry has
            var bytes = Zip(Pickle());
            var at = bytes.AsSpan().LastIndexOf("a/data/0"u8) - 46;
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at + 20), size);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at + 24), size);
            yield return ($"zip, a storage said to have {size}", bytes);
        }
        foreach (var offset in new uint[] { 0xffffffff, 0x7fffffff, 7 })
        {
            var bytes = Zip(Pickle());
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.AsSpan().LastIndexOf("a/data/0"u8) - 46 + 42), offset);
            yield return ($"zip, an entry at {offset}", bytes);
        }
        var damaged = Zip(Pickle());
        damaged[damaged.AsSpan().IndexOf("a/data/0"u8) + 8 + 5] ^= 0xff;
        yield return ("zip, damaged data", damaged);
    }

    private static byte[] Pickle() => [0x80, 2, (byte)'}', (byte)'q', 0, .. Text("state_dict"), (byte)'}', (byte)'q', 1, .. Text("w"), .. Tensor(6, 0, [2, 3], [3, 1]), (byte)'s', (byte)'s', .. Text("epoch"), (byte)'K', 2, (byte)'s', (byte)'.'];

    private static byte[] Tensor(long count, long offset, long[] shape, long[] strides) =>
    [
        .. Global("torch._utils", "_rebuild_tensor_v2"), (byte)'(', (byte)'(', .. Text("storage"), .. Global("torch", "FloatStorage"), .. Text("0"), .. Text("cpu"), .. Number(count), (byte)'t', (byte)'Q',
        .. Number(offset), (byte)'(', .. shape.SelectMany(Number), (byte)'t', (byte)'(', .. strides.SelectMany(Number), (byte)'t', 0x89, .. Global("collections", "OrderedDict"), (byte)')', (byte)'R', (byte)'t', (byte)'R',
    ];

    private static byte[] Global(string module, string name) => Encoding.UTF8.GetBytes($"c{module}\n{name}\n");

    private static byte[] Text(string value) => [(byte)'X', .. BitConverter.GetBytes(Encoding.UTF8.GetByteCount(value)), .. Encoding.UTF8.GetBytes(value)];

    private static byte[] Number(long value) => [0x8a, 8, .. BitConverter.GetBytes(value)];

    private static byte[] Zip(byte[] pickle) => Archive(("a/data.pkl", pickle, false), ("a/data/0", new byte[24], false), ("a/version", "3\n"u8.ToArray(), false));

    private static byte[] Archive(params (string Name, byte[] Content, bool Packed)[] entries)
    {
        var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, content, packed) in entries)
            {
                using var entry = zip.CreateEntry(name, packed ? CompressionLevel.SmallestSize : CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        return stream.ToArray();
    }

    // magic number, protocol, system, object, keys, then count and data of each storage
    private static byte[] Legacy(byte[] pickle) =>
    [
        0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.', 0x80, 2, (byte)'M', 0xe9, 3, (byte)'.', 0x80, 2, (byte)'}', .. Text("little_endian"), 0x88, (byte)'s', (byte)'.',
        .. pickle, 0x80, 2, (byte)']', .. Text("0"), (byte)'a', (byte)'.', .. BitConverter.GetBytes(6L), .. new byte[24],
    ];

    private static byte[] Safetensors(string header, int data) => [.. BitConverter.GetBytes((ulong)Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), .. new byte[data]];

    private static byte[] Noise(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
