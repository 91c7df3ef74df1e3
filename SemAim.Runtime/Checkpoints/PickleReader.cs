using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace SemAim.Runtime.Checkpoints;

/// <summary>A storage as a pickle names it: element type, key of its data, number of elements.</summary>
internal sealed record StorageReference(string Type, string Key, long Count);

/// <summary>A tensor as a pickle describes it: a strided view of a storage, in elements.</summary>
internal sealed record TensorReference(StorageReference Storage, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>Elements of the tensor.</summary>
    internal long Count => Shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>Elements of the storage from the tensor's first to its last; 0 for an empty tensor.</summary>
    internal long Extent => Count == 0 ? 0 : 1 + Shape.Zip(Strides, (d, s) => (d - 1) * s).Sum();
}

/// <summary>A class that a pickle names; only its name is ever looked at.</summary>
internal sealed record PickleGlobal(string Name);

/// <summary>
/// Reads a pickle of protocol 2 as torch.save writes it, into dictionaries, lists, arrays, numbers and references to tensors.
/// It executes nothing: classes are names, and only those of the list below mean anything. Everything else is refused. The modules of a TorchScript archive
/// are names too: what they hold is read, their code is not.
/// </summary>
internal sealed class PickleReader
{
    // what a reader may hold: an aim_huge checkpoint with its moments needs about 100,000 operations
    private const int MostWork = 500_000, LongestText = 1 << 20, MostText = 16 << 20;
    private readonly byte[] bytes;
    private readonly string path;
    private readonly bool script;
    private readonly Stack<object?> stack = new();
    private readonly Dictionary<long, object?> memo = [];
    private int at;
    private int work, text;

    private static readonly object Mark = new();

    private PickleReader(byte[] bytes, int start, string path, bool script) => (this.bytes, at, this.path, this.script) = (bytes, start, path, script);

    /// <summary>Reads one pickle that begins at <paramref name="position"/> and moves it behind its end.</summary>
    /// <param name="script">of a TorchScript archive: its own modules (<c>__torch__.*</c>) are read as dictionaries of their attributes</param>
    /// <exception cref="RefusedException">it is malformed, or names a class that is not on the list</exception>
    internal static object? Read(byte[] bytes, ref int position, string path, bool script = false)
    {
        var reader = new PickleReader(bytes, position, path, script);
        try
        {
            var result = reader.Run();
            position = reader.at;
            return result;
        }
        catch (Exception e) when (e is InvalidOperationException or InvalidCastException or ArgumentException or OverflowException or IndexOutOfRangeException or KeyNotFoundException or NullReferenceException)
        {
            throw new RefusedException($"{path}: not a checkpoint: its pickle is malformed at byte {reader.at}", e);
        }
    }

    private object? Run()
    {
        while (true)
        {
            Charge(1);
            var op = Take(1)[0];
            switch (op)
            {
                case 0x80: if (Take(1)[0] > 4) throw Refused("its pickle protocol is newer than 4"); break;
                case 0x95: Take(8); break;
                case (byte)'.':
                    var result = stack.Pop();
                    if (stack.Count > 0) throw Refused("its pickle leaves values behind");
                    return result;
                case (byte)'(': stack.Push(Mark); break;
                case (byte)'0': stack.Pop(); break;
                case (byte)'N': stack.Push(null); break;
                case 0x88: stack.Push(true); break;
                case 0x89: stack.Push(false); break;
                case (byte)'K': stack.Push((long)Take(1)[0]); break;
                case (byte)'M': stack.Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
                case (byte)'J': stack.Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
                case 0x8a: PushLong(Take(1)[0]); break;
                case 0x8b: PushLong(Length4()); break;
                case (byte)'G': stack.Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
                case (byte)'X': stack.Push(Encoding.UTF8.GetString(Take(Text(Length4())))); break;
                case 0x8c: stack.Push(Encoding.UTF8.GetString(Take(Take(1)[0]))); break;
                case (byte)'U': stack.Push(Encoding.Latin1.GetString(Take(Take(1)[0]))); break;
                case (byte)'T': stack.Push(Encoding.Latin1.GetString(Take(Text(Length4())))); break;
                case (byte)'B': stack.Push(Take(Text(Length4())).ToArray()); break;
                case (byte)'C': stack.Push(Take(Take(1)[0]).ToArray()); break;
                case (byte)']': stack.Push(new List<object?>()); break;
                case (byte)'}': stack.Push(new Dictionary<object, object?>()); break;
                case (byte)')': stack.Push(Array.Empty<object?>()); break;
                case (byte)'l': stack.Push(new List<object?>(ToMark())); break;
                case (byte)'t': stack.Push(ToMark()); break;
                case 0x85: stack.Push(Last(1)); break;
                case 0x86: stack.Push(Last(2)); break;
                case 0x87: stack.Push(Last(3)); break;
                case (byte)'a':
                    var item = stack.Pop();
                    ((List<object?>)stack.Peek()!).Add(item);
                    break;
                case (byte)'e':
                    var items = ToMark();
                    ((List<object?>)stack.Peek()!).AddRange(items);
                    break;
                case (byte)'s': Set(Last(2)); break;
                case (byte)'u': Set(ToMark()); break;
                case (byte)'q': memo[Take(1)[0]] = stack.Peek(); break;
                case (byte)'r': memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = stack.Peek(); break;
                case 0x94: memo[memo.Count] = stack.Peek(); break;
                case (byte)'h': stack.Push(memo[Take(1)[0]]); break;
                case (byte)'j': stack.Push(memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))]); break;
                case (byte)'c': stack.Push(Global(Line(), Line())); break;
                case 0x93:
                    var names = Last(2);
                    stack.Push(Global((string)names[0]!, (string)names[1]!));
                    break;
                case (byte)'Q': stack.Push(Storage((object?[])stack.Pop()!)); break;
                case (byte)'R':
                case 0x81:
                    var call = Last(2);
                    stack.Push(Build((PickleGlobal)call[0]!, (object?[])call[1]!));
                    break;
                case (byte)'b': SetState(stack.Pop()); break;
                default: throw Refused($"its pickle has operation 0x{op:x2}, which torch.save does not write");
            }
        }
    }

    private PickleGlobal Global(string module, string name)
    {
        var full = $"{module}.{name}";
        return full is "collections.OrderedDict" or "argparse.Namespace" or "torch._utils._rebuild_tensor_v2" or "torch._utils._rebuild_tensor" or "torch._utils._rebuild_parameter" or "torch.Size" or "torch.device" or "pathlib.PosixPath" or "builtins.set" or "__builtin__.set"
            || (module == "torch" && ElementTypes.OfStorage(name) is not null)
            || (script && (IsModule(full) || full is "torch.jit._pickle.build_intlist" or "torch.jit._pickle.build_doublelist" or "torch.jit._pickle.build_boollist" or "torch.jit._pickle.build_tensorlist" or "torch.jit._pickle.restore_type_tag"))
            ? new(full)
            : throw Refused($"it names {full}, which a checkpoint has no need of; nothing was executed");
    }

    private object? Build(PickleGlobal what, object?[] arguments) => what.Name switch
    {
        "collections.OrderedDict" => Ordered(arguments),
        "argparse.Namespace" when arguments.Length == 0 => new Dictionary<object, object?>(),
        "torch._utils._rebuild_tensor_v2" or "torch._utils._rebuild_tensor" when arguments.Length >= 4 => Tensor((StorageReference)arguments[0]!, (long)arguments[1]!, Longs(arguments[2]), Longs(arguments[3])),
        "torch._utils._rebuild_parameter" when arguments.Length >= 1 => (TensorReference)arguments[0]!,
        "torch.Size" or "torch.device" or "pathlib.PosixPath" or "builtins.set" or "__builtin__.set" => arguments,
        _ when script && arguments.Length == 0 && IsModule(what.Name) => new Dictionary<object, object?>(),
        _ when script && arguments.Length >= 1 && what.Name.StartsWith("torch.jit._pickle.", StringComparison.Ordinal) => arguments[0],
        _ => throw Refused($"it calls {what.Name}, which is not allowed"),
    };

    private static bool IsModule(string name) => name.StartsWith("__torch__.", StringComparison.Ordinal);

    private Dictionary<object, object?> Ordered(object?[] arguments)
    {
        var result = new Dictionary<object, object?>();
        if (arguments.Length == 0) return result;
        var pairs = (List<object?>)arguments[0]!;
        Charge(pairs.Count);                                       // the same list may be copied again and again
        foreach (var pair in pairs)
        {
            var (key, value) = pair switch { object?[] { Length: 2 } a => (a[0], a[1]), List<object?> { Count: 2 } l => (l[0], l[1]), _ => throw new InvalidCastException() };
            Add(result, key, value);
        }
        return result;
    }

    private StorageReference Storage(object?[] id)
    {
        if (id.Length < 5 || id[0] is not "storage" || (id.Length > 5 && id[5] is not null)) throw Refused("it refers to a storage in a way that torch.save does not");
        var type = ((PickleGlobal)id[1]!).Name["torch.".Length..];
        var count = (long)id[4]!;
        return ElementTypes.OfStorage(type) is not null && count >= 0 ? new(type, (string)id[2]!, count) : throw Refused($"its storage is {type} of {count} elements");
    }

    private TensorReference Tensor(StorageReference storage, long offset, long[] shape, long[] strides)
    {
        if (shape.Length != strides.Length || shape.Length > 16 || offset < 0 || shape.Any(d => d < 0) || strides.Any(s => s < 0)) throw Refused("a tensor has impossible axes");
        long count = 1, extent = 1, last = offset;
        for (var i = 0; i < shape.Length; i++)
        {
            // an axis of length 0 must not hide others that no memory could hold
            if (Math.Max(1, shape[i]) > long.MaxValue / 16 / extent) throw Refused("a tensor has impossible axes");
            extent *= Math.Max(1, shape[i]);
            count *= shape[i];
            if (shape[i] > 0) last = checked(last + (shape[i] - 1) * strides[i]);
        }
        if (count > 0 && last >= storage.Count) throw Refused("a tensor reaches beyond its storage");
        return new(storage, offset, shape, strides);
    }

    private void SetState(object? state)
    {
        // an OrderedDict's state is its _metadata, which says nothing about values; a Namespace's is its content
        if (stack.Peek() is not Dictionary<object, object?> target || state is not Dictionary<object, object?> values) throw Refused("it sets the state of something that has none");
        Charge(values.Count);
        foreach (var (key, value) in values)
            if (key is not "_metadata") Add(target, key, value);
    }

    private void Set(object?[] pairs)
    {
        if (pairs.Length % 2 != 0) throw Refused("a dictionary has a key without a value");
        var target = (Dictionary<object, object?>)stack.Peek()!;
        for (var i = 0; i < pairs.Length; i += 2) Add(target, pairs[i], pairs[i + 1]);
    }

    // keys are texts and small numbers; others could be chosen so that all of them fall into one bucket
    private void Add(Dictionary<object, object?> target, object? key, object? value)
    {
        if (key is not (string or bool or (long and >= int.MinValue and <= int.MaxValue))) throw Refused("a dictionary has a key that is neither a text nor a small number");
        if (!target.TryAdd(key, value)) throw Refused($"a dictionary has the key \"{key}\" twice");
    }

    private object?[] ToMark()
    {
        List<object?> items = [];
        for (var item = stack.Pop(); item != Mark; item = stack.Pop()) items.Add(item);
        items.Reverse();
        return [.. items];
    }

    private object?[] Last(int n)
    {
        var items = new object?[n];
        while (n > 0) items[--n] = stack.Pop();
        return items;
    }

    private long[] Longs(object? tuple)
    {
        var values = (object?[])tuple!;
        return values.Length <= 16 ? [.. values.Select(v => (long)v!)] : throw Refused("a tensor has impossible axes");
    }

    private void Charge(int count)
    {
        if ((work += count) > MostWork || work < 0) throw Refused($"its pickle has more than {MostWork} operations");
    }

    private int Text(int length) => length <= LongestText && (text += length) <= MostText ? length : throw Refused($"its texts are longer than {LongestText} bytes, or {MostText} together");

    private void PushLong(int length)
    {
        if (length > 1024) throw Refused("it holds a number of more than 1024 bytes");
        var value = new BigInteger(Take(length));
        stack.Push(value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value);
    }

    private string Line()
    {
        var end = Array.IndexOf(bytes, (byte)'\n', at, Math.Min(256, bytes.Length - at));
        if (end < 0) throw Refused("a name in its pickle does not end");
        var line = Encoding.UTF8.GetString(bytes, at, end - at);
        at = end + 1;
        return line;
    }

    private int Length4()
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
        return length <= bytes.Length - at ? (int)length : throw Refused("its pickle is cut off");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count < 0 || count > bytes.Length - at) throw Refused("its pickle is cut off");
        at += count;
        return bytes.AsSpan(at - count, count);
    }

    private RefusedException Refused(string why) => new($"{path}: not a checkpoint: {why}");
}
