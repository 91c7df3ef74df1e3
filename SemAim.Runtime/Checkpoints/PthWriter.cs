using System.Buffers.Binary;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Runtime.Checkpoints;

/// <summary>Writes files that torch.load opens, with weights_only too: nothing but dictionaries, texts, numbers and tensors.</summary>
public static class PthWriter
{
    private const string Root = "archive/";

    /// <summary>Writes tensors in their order, with their strides; the file appears whole or not at all.</summary>
    /// <param name="path">where</param>
    /// <param name="tensors">stay the caller's</param>
    /// <param name="facts">whole numbers and texts beside the weights, such as "epoch" and "model"</param>
    /// <param name="key">name of the dictionary of the weights, as the original's programs look for it; empty: the file is that dictionary, and facts are left out</param>
    public static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, object>? facts = null, string key = "state_dict")
    {
        var items = tensors.ToList();
        var pickle = new Pickle();
        if (key.Length > 0)
        {
            pickle.Op('}', '(');
            foreach (var (name, value) in facts ?? new Dictionary<string, object>())
            {
                pickle.Text(name);
                if (value is string text) pickle.Text(text);
                else pickle.Number(Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture));
            }
            pickle.Text(key);
        }
        pickle.Global("collections", "OrderedDict").Op(')', 'R', '(');
        for (var i = 0; i < items.Count; i++)
        {
            pickle.Text(items[i].Key);
            pickle.Tensor(items[i].Value, i);
        }
        pickle.Op('u');
        if (key.Length > 0) pickle.Op('u');
        pickle.Op('.');

        var part = path + ".part";
        try
        {
            using (var stream = new FileStream(part, FileMode.Create, FileAccess.ReadWrite, FileShare.None, 1 << 20))
            {
                using (var zip = new StoredZipWriter(stream))
                {
                    zip.Add(Root + "data.pkl", pickle.Bytes.Length, pickle.Bytes.WriteTo);
                    zip.Add(Root + "byteorder", 6, s => s.Write("little"u8));
                    for (var i = 0; i < items.Count; i++)
                    {
                        using var flat = Storage(items[i].Value);
                        zip.Add($"{Root}data/{i}", flat.numel() * ElementTypes.Size(flat.dtype), s =>
                        {
                            if (flat.numel() > 0) flat.WriteBytesToStream(s);
                        });
                    }
                    zip.Add(Root + "version", 2, s => s.Write("3\n"u8));
                }
                stream.Flush(flushToDisk: true);
            }
            File.Move(part, path, overwrite: true);
        }
        catch
        {
            File.Delete(part);                                 // a full disk took a part of it
            throw;
        }
    }

    // from the first element of a tensor to its last, whatever lies between
    private static Tensor Storage(Tensor value)
    {
        using var guard = no_grad();
        using var plain = value.detach().to(CPU);
        var strides = plain.stride();
        var extent = plain.numel() == 0 ? 0 : 1 + plain.shape.Zip(strides, (d, s) => (d - 1) * s).Sum();
        using var view = plain.as_strided([extent], [1], plain.storage_offset());
        return view.contiguous();
    }

    /// <summary>Operations of pickle protocol 2, as many as a state_dict needs.</summary>
    private sealed class Pickle
    {
        internal Pickle() => Bytes.Write([0x80, 2]);

        internal MemoryStream Bytes { get; } = new();

        internal Pickle Op(params ReadOnlySpan<char> operations)
        {
            foreach (var op in operations) Bytes.WriteByte((byte)op);
            return this;
        }

        internal Pickle Global(string module, string name)
        {
            Bytes.Write(Encoding.UTF8.GetBytes($"c{module}\n{name}\n"));
            return this;
        }

        internal void Text(string value)
        {
            var utf8 = Encoding.UTF8.GetBytes(value);
            Span<byte> length = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(length, utf8.Length);
            Bytes.WriteByte((byte)'X');
            Bytes.Write(length);
            Bytes.Write(utf8);
        }

        // the shortest form, as Python writes it
        internal void Number(long value)
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
            if (value is >= 0 and < 256) Bytes.Write([(byte)'K', bytes[0]]);
            else if (value is >= 0 and < 65536) Bytes.Write([(byte)'M', bytes[0], bytes[1]]);
            else if (value is >= int.MinValue and <= int.MaxValue) Bytes.Write([(byte)'J', .. bytes[..4]]);
            else Bytes.Write([0x8a, 8, .. bytes]);
        }

        // _rebuild_tensor_v2(('storage', FloatStorage, '0', 'cpu', count), 0, shape, strides, False, OrderedDict())
        internal void Tensor(Tensor value, int storage)
        {
            var (shape, strides) = (value.shape, value.stride());
            Global("torch._utils", "_rebuild_tensor_v2").Op('(', '(').Text("storage");
            Global("torch", ElementTypes.Storage(value.dtype)).Text(storage.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Text("cpu");
            Number(value.numel() == 0 ? 0 : 1 + shape.Zip(strides, (d, s) => (d - 1) * s).Sum());
            Op('t', 'Q').Number(0);
            Tuple(shape);
            Tuple(strides);
            Op((char)0x89).Global("collections", "OrderedDict").Op(')', 'R', 't', 'R');
        }

        private void Tuple(long[] values)
        {
            Op('(');
            foreach (var value in values) Number(value);
            Op('t');
        }
    }
}
